//! What every controller shares: flags, client, lease, queue, reconcile shell, status, events, metrics.
