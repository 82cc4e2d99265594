"""What browsers ask for; a package, so that what its tests share ends with them."""
