"""Jobs on objects: copy, archive, promote, rotate keys, deliver logs."""
