//! The lanes of a forwarder and what they share. Others may take their place before anything has come to them.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Changes, Forwarder};
use crate::delivery::Share;
use crate::delivery::lane::Lane;
use crate::delivery::settings::LaneSettings;
use crate::delivery::sink::Sink;
use crate::delivery::spool::{Spool, SpoolSettings};
use crate::record::envelope::Resource;

/// The puts of all lanes together take no more than this part of the buffer's bound, before they are encoded: in
/// flight, a put takes four times as much.
const PUTS_IN_BUFFER: usize = 8;

/// What lanes are made of, and what they share.
pub struct LaneSet {
    /// The lanes and their sinks, in the order that the routes know them by.
    pub lanes: Vec<(LaneSettings, Arc<dyn Sink>)>,
    /// Limit of what all lanes together hold. Bytes.
    pub buffer_bytes: usize,
    /// Spool for chunks that memory cannot hold.
    pub spool: SpoolSettings,
}

/// Lanes at work.
pub(super) struct Delivery {
    pub(super) lanes: Vec<Lane>,
    pub(super) spool: Option<Arc<Spool>>,
    pub(super) buffer_bytes: usize,
}

impl Delivery {
    /// Starts the lanes on the current runtime.
    pub(super) fn start(set: LaneSet, id: &str, resource: &Resource) -> Self {
        let LaneSet {
            lanes,
            buffer_bytes,
            spool,
        } = set;
        let names: Vec<_> = lanes.iter().map(|(lane, _)| lane.name.as_str()).collect();
        let spool = Spool::new(spool, id, &names).map(Arc::new);
        let count = lanes.len().max(1);
        let fallbacks: Vec<_> = lanes.iter().map(|(lane, _)| lane.fallback).collect();
        let longest: Vec<_> = lanes
            .iter()
            .map(|(lane, sink)| {
                let most = lane.max_record_bytes.min(sink.limits().record_bytes);
                lane.encoding().longest_line(most, 0)
            })
            .collect();
        let lanes: Vec<_> = lanes
            .into_iter()
            // A put in flight exists several times over: with little memory it is smaller.
            .zip(Share::of(buffer_bytes / PUTS_IN_BUFFER, count))
            .enumerate()
            .map(|(index, ((mut lane, sink), share))| {
                // A line must fit wherever it may end up.
                let chain = std::iter::successors(Some(index), |&lane| fallbacks.get(lane).copied().flatten());
                let chain = chain
                    .take(fallbacks.len())
                    .filter_map(|lane| longest.get(lane).copied());
                lane.max_record_bytes = chain.min().unwrap_or(lane.max_record_bytes);
                Lane::start(lane, sink, index, id, resource, spool.clone(), share)
            })
            .collect();
        for (lane, fallback) in lanes.iter().zip(&fallbacks) {
            if let Some(fallback) = fallback.and_then(|fallback| lanes.get(fallback)) {
                lane.set_fallback(fallback.clone());
            }
        }
        Self {
            lanes,
            spool,
            buffer_bytes,
        }
    }
}

impl Forwarder {
    /// Puts other lanes in the place of those that there are, and the configuration that goes with them in force. Once,
    /// and only while nothing has come and nothing was found on disk: a number that a reader has seen must not come
    /// again. `false`: something has come, and nothing was done.
    pub fn replace_lanes(&self, set: LaneSet, changes: &Changes) -> bool {
        let mut state = self.state();
        let is_paused = {
            let mut queues: Vec<_> = self.lanes().iter().map(Lane::queue).collect();
            let is_untouched = queues.iter().all(|queue| queue.is_untouched()) && state.intake.stats.bodies == 0;
            if !is_untouched || self.other.get().is_some() {
                return false;
            }
            queues.iter_mut().all(|queue| queue.pacing().is_paused())
        };
        // No line of the old ones is anywhere, so that their folder is nobody's.
        self.first.spool.iter().for_each(|spool| spool.close());
        let delivery = Delivery::start(set, &state.id, &state.intake.resource);
        if is_paused {
            let now = Instant::now();
            delivery.lanes.iter().for_each(|lane| lane.queue().pacing().pause(now));
        }
        let _ = self.other.set(delivery);
        self.first.lanes.iter().for_each(Lane::stop);
        self.reconfigure_in(&mut state, changes.clone());
        true
    }
}
