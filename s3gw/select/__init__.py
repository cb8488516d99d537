"""S3 Select: its SQL, and queries over one object in processes of their own."""
