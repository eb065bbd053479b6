//! Bodies as Lambda would post them: synthetic and rendered before the measurement, so that posting costs next to
//! nothing.

use bytes::Bytes;
use forwarder_core::telemetry::sample::Sample;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant, sleep_until};

use crate::Result;
use crate::sandbox::{REQUEST_ID, Subscription};

/// The schema in which a function's line is a text, whatever it is.
const TEXT_ONLY_SCHEMA: &str = "2022-07-01";

/// One invocation's telemetry, as bodies.
pub struct Telemetry {
    bodies: Vec<Body>,
}

struct Body {
    text: Bytes,
    events: u64,
}

#[derive(Deserialize, Serialize)]
struct Event<'a> {
    time: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(borrow)]
    record: &'a RawValue,
}

impl Telemetry {
    /// An invocation that logs `lines` lines, as this subscription gets them. Half of them are JSON objects where the
    /// schema has them.
    pub fn render(lines: usize, subscription: &Subscription) -> Result<Self> {
        let mut telemetry = Self { bodies: Vec::new() };
        let mut sample = Sample::new(7);
        let mut body = Rendering::new(subscription);
        body.add(&mut telemetry, &format!(
            r#"{{"time":"2026-11-20T09:14:02.000Z","type":"platform.start","record":{{"requestId":"{REQUEST_ID}","version":"$LATEST"}}}}"#
        ));
        let mut left = lines;
        while left > 0 {
            let count = left.min(500);
            let made_up = String::from_utf8(sample.invocation(count))?;
            let events: Vec<Event<'_>> = serde_json::from_str(&made_up)?;
            for event in events.iter().filter(|event| event.kind == "function") {
                let record = event.record.get();
                if subscription.schema_version == TEXT_ONLY_SCHEMA && record.starts_with('{') {
                    let record = serde_json::value::to_raw_value(record)?;
                    let event = Event {
                        record: &record,
                        ..*event
                    };
                    body.add(&mut telemetry, &serde_json::to_string(&event)?);
                } else {
                    body.add(&mut telemetry, &serde_json::to_string(event)?);
                }
            }
            left -= count;
        }
        body.add(&mut telemetry, &format!(
            r#"{{"time":"2026-11-20T10:14:02.000Z","type":"platform.runtimeDone","record":{{"requestId":"{REQUEST_ID}","status":"success","metrics":{{"durationMs":4000.0,"producedBytes":2}}}}}}"#
        ));
        body.finish(&mut telemetry);
        Ok(telemetry)
    }

    /// Posts all of it: a body once its last event is due at this rate, and when the one before is answered. Returns how
    /// long that took.
    pub async fn post(&self, subscription: &Subscription, events_per_second: f64) -> Result<Duration> {
        let mut poster = Poster::connect(subscription).await?;
        let begin = Instant::now();
        let mut events = 0;
        for body in &self.bodies {
            events += body.events;
            sleep_until(begin + Duration::from_secs_f64(events as f64 / events_per_second)).await;
            poster.post(&body.text).await?;
        }
        Ok(begin.elapsed())
    }
}

/// A body that grows until it is full.
struct Rendering {
    text: Vec<u8>,
    events: u64,
    max_items: u64,
    max_bytes: usize,
}

impl Rendering {
    fn new(subscription: &Subscription) -> Self {
        Self {
            text: Vec::new(),
            events: 0,
            max_items: subscription.max_items as u64,
            max_bytes: subscription.max_bytes,
        }
    }

    fn add(&mut self, telemetry: &mut Telemetry, event: &str) {
        if self.events == self.max_items || self.text.len() + event.len() + 2 > self.max_bytes {
            self.finish(telemetry);
        }
        self.text.push(if self.events == 0 { b'[' } else { b',' });
        self.text.extend_from_slice(event.as_bytes());
        self.events += 1;
    }

    fn finish(&mut self, telemetry: &mut Telemetry) {
        if self.events > 0 {
            self.text.push(b']');
            telemetry.bodies.push(Body {
                text: std::mem::take(&mut self.text).into(),
                events: std::mem::take(&mut self.events),
            });
        }
    }
}

/// One connection to a listener, kept open from post to post.
struct Poster {
    subscription: Subscription,
    sender: SendRequest<Full<Bytes>>,
}

impl Poster {
    async fn connect(subscription: &Subscription) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", subscription.port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            subscription: subscription.clone(),
            sender,
        })
    }

    /// Any answer but 2xx is an error: Lambda would post the same again, or drop it.
    async fn post(&mut self, body: &Bytes) -> Result<()> {
        if self.sender.ready().await.is_err() {
            *self = Self::connect(&self.subscription).await?;
        }
        let request = Request::post(self.subscription.path.as_str())
            .header("host", "sandbox.localdomain")
            .header("content-type", "application/json")
            .body(Full::new(body.clone()))?;
        let answer = self.sender.send_request(request).await?;
        let status = answer.status();
        let text = answer.into_body().collect().await?.to_bytes();
        if !status.is_success() {
            return Err(format!("a post was answered {status}: {}", String::from_utf8_lossy(&text)).into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(lines: usize, schema: &str) -> Vec<Vec<serde_json::Value>> {
        let subscription = Subscription {
            schema_version: schema.into(),
            port: 1,
            path: "/".into(),
            max_items: 1_000,
            max_bytes: 262_144,
        };
        let telemetry = Telemetry::render(lines, &subscription).unwrap();
        let bodies = telemetry.bodies.iter();
        bodies
            .map(|body| {
                assert!(body.text.len() <= 262_144);
                let events: Vec<serde_json::Value> = serde_json::from_slice(&body.text).unwrap();
                assert_eq!(events.len() as u64, body.events);
                events
            })
            .collect()
    }

    #[test]
    fn bodies_keep_their_bounds_and_hold_every_line_between_start_and_end() {
        let bodies = render(3_000, "2025-01-29");
        assert!(bodies.len() > 2 && bodies[0].len() > 700, "{} bodies", bodies.len());
        let events: Vec<_> = bodies.into_iter().flatten().collect();
        assert_eq!(events.len(), 3_002);
        assert_eq!(events[0]["type"], "platform.start");
        assert_eq!(events[3_001]["type"], "platform.runtimeDone");
        assert!(events[2]["record"].is_object());
    }

    #[test]
    fn the_old_schema_has_texts_only() {
        for event in render(100, TEXT_ONLY_SCHEMA)
            .into_iter()
            .flatten()
            .filter(|event| event["type"] == "function")
        {
            assert!(event["record"].is_string(), "{event}");
        }
    }
}
