"""The network, its calibration, its weights files and the device it runs on."""
