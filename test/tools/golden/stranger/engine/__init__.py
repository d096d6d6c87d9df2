"""A GLM-5.2 engine in PyTorch modules, written from the description of the model alone."""
