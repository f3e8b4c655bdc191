"""Row P1k: KIS trade frames of 1 to 20 records, beside ``str.split`` alone."""
