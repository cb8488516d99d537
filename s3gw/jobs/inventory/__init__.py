"""Files of inventories: columns, formats, manifest."""
