"""What every component is made of: the component itself, settings and their errors, labels, versions."""
