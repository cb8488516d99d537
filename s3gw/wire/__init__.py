"""S3's error table and XML encoding."""
