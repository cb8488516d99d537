"""Objects in the native API: read, write, rename, copy, append, upload, promote."""
