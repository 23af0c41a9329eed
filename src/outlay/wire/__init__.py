"""What the bytes mean: reads calls and answers of each wire format, and writes its errors."""
