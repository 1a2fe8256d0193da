"""Which lanes are flown in which sortie, in what order, from which site, and how good that is."""
