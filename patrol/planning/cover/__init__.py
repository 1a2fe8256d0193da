"""Lanes that see the banks, and the certificate of what they see."""
