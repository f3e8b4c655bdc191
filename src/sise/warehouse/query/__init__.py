"""The only reading face of the warehouse: :func:`sise.warehouse.query.connecting.connect`."""
