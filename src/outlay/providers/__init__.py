"""Where the bytes go: address, credentials and header filter of each kind of provider."""
