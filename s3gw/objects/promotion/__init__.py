"""Files of the server's own machine that become objects: which may, how they are read, and how they
are written."""
