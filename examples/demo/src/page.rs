//! The stream on a page in a browser, while the demo runs and after it.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;

use reader::proof::{Proof, Totals};
use reader::screen::Screen;
use reader::show::Show;
use reader::stream::Reader;
use reader::unpack::Unpacker;
use reader::web::{DEFAULT_ADDRESS, Hub, Server, Status, serve};

use crate::error::Error;
use crate::function::STREAM;

pub(crate) struct Page {
    hub: Arc<Hub>,
    server: Server,
}

impl Page {
    /// Serves what is shown, and opens it where there is a screen.
    pub(crate) async fn open(show: &mut Show, screen: &mut Screen) -> Result<Self, Error> {
        let hub = Arc::new(Hub::default());
        let usual = DEFAULT_ADDRESS.parse().ok();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        // Another reader may have the usual place.
        let server = match serve(usual.unwrap_or(any), hub.clone()).await {
            Ok(server) => server,
            Err(_) => serve(any, hub.clone()).await.map_err(Error::Page)?,
        };
        show.watch(Box::new({
            let hub = hub.clone();
            move |events| hub.publish(events)
        }));
        screen.say(&format!("the page is at {}", server.url));
        open(&server.url);
        Ok(Self { hub, server })
    }

    pub(crate) fn url(&self) -> &str {
        &self.server.url
    }

    /// Tells it how reading goes.
    pub(crate) fn tell(&self, reader: &Reader, unpacker: &Unpacker) {
        let counts = unpacker.counts();
        let lags = reader.lags();
        self.hub.status(Status {
            stream: STREAM.to_owned(),
            state: "live".to_owned(),
            lines: counts.lines,
            records: counts.records,
            bytes: counts.bytes,
            rate: 0.0,
            shards: lags
                .map(|(shard, lag)| (shard.to_owned(), lag.map(|lag| lag.as_secs_f64())))
                .collect(),
            unreadable: counts.unreadable,
        });
        if self.hub.is_watched() {
            self.hub.prove(&Proof::of(unpacker, true, Totals::default()));
        }
    }
}

/// In the browser, if there is somebody to see it. The address was said anyway.
fn open(url: &str) {
    let has_screen = ["DISPLAY", "WAYLAND_DISPLAY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let opener = match std::env::consts::OS {
        "macos" => "open",
        _ if has_screen => "xdg-open",
        _ => return,
    };
    let _ = Command::new(opener)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
}
