"""The Lab: a drawer beside the picture in which runs, starts and models are compared."""
