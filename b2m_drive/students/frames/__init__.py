"""Frames for a network of one's own: of scenes, in any HDF5 file, or a folder of pictures."""
