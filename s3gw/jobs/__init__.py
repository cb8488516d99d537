"""What jobs do to objects: copy, archive, promote, rotate keys, deliver logs."""
