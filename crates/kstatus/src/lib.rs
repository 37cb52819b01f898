//! Object in, Current, InProgress, Failed or Terminating out.
