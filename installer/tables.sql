-- What wixl cannot say, or says wrongly. One statement a line; build-msi puts the version in for @VERSION@.

-- The programs' versions: by the file versioning rules a package's file without one never replaces one that has it.
UPDATE `File` SET `Version` = '@VERSION@.0', `Language` = '1033' WHERE `File` = 'etrnsvc.exe'
UPDATE `File` SET `Version` = '@VERSION@.0', `Language` = '1033' WHERE `File` = 'etrnctl.exe'
DELETE FROM `MsiFileHash` WHERE `File_` = 'etrnsvc.exe'
DELETE FROM `MsiFileHash` WHERE `File_` = 'etrnctl.exe'

-- Whoever may install may set these, also where the installation is elevated.
UPDATE `Property` SET `Value` = 'ENABLE;ETRNDOMAINS;ETRNHOST;INTERVAL;NEWERFOUND;OLDERFOUND' WHERE `Property` = 'SecureCustomProperties'

-- 32768: an installation without its service is a failed one.
UPDATE `ServiceInstall` SET `ErrorControl` = 32769 WHERE `ServiceInstall` = 'EtrnSvc'

-- On install and reinstall (5): delayed automatic start, unrestricted service SID, one required privilege.
CREATE TABLE `MsiServiceConfig` (`MsiServiceConfig` CHAR(72) NOT NULL, `Name` CHAR(255) NOT NULL, `Event` SHORT NOT NULL, `ConfigType` LONG NOT NULL, `Argument` CHAR(0), `Component_` CHAR(72) NOT NULL PRIMARY KEY `MsiServiceConfig`)
INSERT INTO `MsiServiceConfig` (`MsiServiceConfig`, `Name`, `Event`, `ConfigType`, `Argument`, `Component_`) VALUES ('Delayed', 'EtrnSvc', 5, 3, '1', 'Service')
INSERT INTO `MsiServiceConfig` (`MsiServiceConfig`, `Name`, `Event`, `ConfigType`, `Argument`, `Component_`) VALUES ('Sid', 'EtrnSvc', 5, 5, '1', 'Service')
INSERT INTO `MsiServiceConfig` (`MsiServiceConfig`, `Name`, `Event`, `ConfigType`, `Argument`, `Component_`) VALUES ('Privileges', 'EtrnSvc', 5, 6, 'SeChangeNotifyPrivilege', 'Service')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('MsiConfigureServices', 'VersionMsi >= "5.00"', 5850)

-- An upgrade or repair stays in the folder of which the Service component keeps note (18: the value as it is, 64-bit).
INSERT INTO `RegLocator` (`Signature_`, `Root`, `Key`, `Name`, `Type`) VALUES ('Chosen', 2, 'SOFTWARE\EtrnSvc', 'InstallFolder', 18)
INSERT INTO `AppSearch` (`Property`, `Signature_`) VALUES ('INSTALLFOLDER', 'Chosen')

-- A file that came with Windows 8: a system that calls itself older and has it (Wine) will do.
INSERT INTO `Signature` (`Signature`, `FileName`) VALUES ('Combase', 'combase.dll')
CREATE TABLE `DrLocator` (`Signature_` CHAR(72) NOT NULL, `Parent` CHAR(72), `Path` CHAR(255), `Depth` SHORT PRIMARY KEY `Signature_`, `Parent`, `Path`)
INSERT INTO `DrLocator` (`Signature_`, `Path`, `Depth`) VALUES ('Combase', '[System64Folder]', 0)
INSERT INTO `AppSearch` (`Property`, `Signature_`) VALUES ('WINDOWS8FILE', 'Combase')

INSERT INTO `InstallExecuteSequence` (`Action`, `Sequence`) VALUES ('AppSearch', 50)
INSERT INTO `InstallUISequence` (`Action`, `Sequence`) VALUES ('AppSearch', 50)

-- The steps of action.dll. 1: an entry of a DLL; 51: sets a property; and deferred (1024), at rollback (1280) or at commit
-- (1536), each as SYSTEM (2048).
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('CheckProperties', 1, 'action', 'CheckProperties')
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('SetWaitForEnd', 51, 'WaitForEnd', '[INSTALLFOLDER]etrnsvc.exe')
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('WaitForEnd', 3073, 'action', 'WaitForEnd')
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('Configure', 3073, 'action', 'Configure')
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('SetRemoveData', 51, 'RemoveData', '[INSTALLFOLDER]etrnsvc.exe|[CommonAppDataFolder]EtrnSvc')
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('RemoveData', 3585, 'action', 'RemoveData')
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('SetUndoData', 1, 'action', 'SetUndoData')
INSERT INTO `CustomAction` (`Action`, `Type`, `Source`, `Target`) VALUES ('UndoData', 3329, 'action', 'RemoveData')
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('CheckProperties', 'NOT REMOVE~="ALL"', 1410)
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('SetWaitForEnd', '(Installed OR OLDERFOUND) AND NOT UPGRADINGPRODUCTCODE', 1910)
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('WaitForEnd', '(Installed OR OLDERFOUND) AND NOT UPGRADINGPRODUCTCODE', 1911)
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('SetUndoData', 'NOT Installed AND NOT OLDERFOUND', 5860)
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('UndoData', 'NOT Installed AND NOT OLDERFOUND', 5861)
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('Configure', 'NOT REMOVE~="ALL"', 5870)
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('SetRemoveData', 'REMOVE~="ALL" AND NOT UPGRADINGPRODUCTCODE', 6590)
INSERT INTO `InstallExecuteSequence` (`Action`, `Condition`, `Sequence`) VALUES ('RemoveData', 'REMOVE~="ALL" AND NOT UPGRADINGPRODUCTCODE', 6591)
