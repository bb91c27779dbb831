"""The test laboratory: everything a test of a mail client on Windows needs around it, on one Debian machine.

scripted  an SMTP server that misbehaves exactly as told, and records all that a client does
postfix   a real Postfix of one's own, and a sink that counts the mail that arrives
wine      a Windows machine of one's own (a Wine prefix)
tidy      runs what uses these as a program, so that nothing of it stays

All of it listens and sends on 127.0.0.0/8 only, needs nothing but Python's standard library, and ends with its user.
"""
