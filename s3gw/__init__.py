"""The S3 and native front ends, and the program that serves them."""

__version__ = "0.1.0"
