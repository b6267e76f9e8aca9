"""The basis of all components: the component class, settings and their errors, labels, versions."""
