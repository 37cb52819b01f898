//! HTTP client policy: who may be called, for how long, how much is read, and with which credentials.
//!
//! A [`Policy`] is assembled from limits and from the key maps of Secrets ([`Tls`], [`Proxy`], [`Auth`]);
//! [`Policy::client`] makes a [`Client`] of it. No Kubernetes types: the caller reads the Secret.
//! Nothing here that holds a credential implements `Debug`, and no error or shown URL contains one.
//!
//! [`Flights`] lets all who want the same at the same time share one download.
//!
//! Reading order: secret, credentials, address, policy, client, pace, response, error, flights.
mod secret;

mod credentials;

mod address;
mod shown;

mod policy;

mod client;
mod pace;
mod response;

mod error;

mod flights;

pub use crate::{
    address::AddressRule,
    client::{Body, Client, Request},
    credentials::{Auth, Credentials, Proxy, Tls},
    error::{PolicyError, RequestError},
    flights::Flights,
    pace::{LeastPace, Pace, TooSlow},
    policy::{Limits, Policy},
    response::Response,
    secret::Secret,
    shown::{shown, split_userinfo},
};
