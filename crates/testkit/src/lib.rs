//! Servers, clocks and a real control plane for tests.
