"""The real programs under Wine, against servers that behave as told and against Postfix."""
