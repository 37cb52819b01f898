//! Takes events and webhooks, tells providers and wakes sources.
