"""The real programs under Wine, against scripted servers and against Postfix."""
