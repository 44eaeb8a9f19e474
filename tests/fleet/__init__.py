"""Tests on hosts with a real systemd, and the lab that gives them."""
