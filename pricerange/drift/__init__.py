"""Whether what is asked is still like what was learned: bins, PSI and its limit, accuracy to expect."""
