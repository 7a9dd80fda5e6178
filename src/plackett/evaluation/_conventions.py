"""STAND-IN."""
def state(metric):
    return f"{metric.name}[empty={metric.empty}, ties={metric.ties}]"
