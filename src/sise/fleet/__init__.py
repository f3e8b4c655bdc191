"""Many machines as one: today the backup, from the server that records to the machine that keeps."""
