"""Objects by the native API: read, write, rename, copy, append, upload, promote."""
