"""What the page weighs, how soon it answers, and what it bears."""
