//! The books of a connection that come one way, with their requests over HTTP.

use super::super::driver::Driver;
use super::super::rest::{Landed, Requests};
use super::Shared;
use crate::model::{FeedCounters, FeedWay};
use crate::pipeline::Outlet;
use crate::sources::net::HttpClient;

pub(super) struct Fed {
    pub driver: Driver,
    pub requests: Requests,
}

impl Fed {
    pub(super) fn new(shared: &Shared, symbols: &[String], way: FeedWay, outlet: &Outlet) -> Self {
        let options = &shared.options;
        let venue = (options.venue.venue)(&options.subscription(symbols, way));
        let http = options.rest.as_ref();
        let http = http.map(|rest| HttpClient::new(rest.clone(), options.headers.clone()));
        let prefix = options.rest_path.clone();
        Self {
            driver: Driver::new(venue, outlet.clone(), options.key.clone()),
            requests: Requests::new(http, prefix, shared.rest.clone()),
        }
    }

    /// The next answer; waits for ever if there is nobody to be answered. Cancel safe.
    pub(super) async fn landed(fed: &mut Option<Self>) -> Landed {
        match fed {
            Some(fed) => fed.requests.landed().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn has_live(&self) -> bool {
        self.driver.standing().live > 0
    }

    pub(super) fn counters<'a>(feds: impl Iterator<Item = &'a Self>) -> FeedCounters {
        let mut sum = FeedCounters::default();
        for fed in feds {
            sum.add(&fed.driver.counters());
        }
        sum
    }
}
