"""Training data, training runs and exports of the detector. Needs the extra `train`."""
