"""What jobs need of S3: copies as CopyObject makes them, events, settings, and their process."""
