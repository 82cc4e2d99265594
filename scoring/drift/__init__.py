"""Files of phones that were asked about, compared with what a version has learned from."""
