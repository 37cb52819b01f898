//! CEL expressions: environment, cost limit, output types.
