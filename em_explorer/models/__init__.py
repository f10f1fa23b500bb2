"""The four models, each in numpy that reads beside the book."""
