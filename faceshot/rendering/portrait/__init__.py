"""What portrait renderers that are programs of their own are given: X-Portrait and HunyuanPortrait."""
