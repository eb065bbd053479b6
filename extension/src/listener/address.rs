//! The address that Lambda posts to.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use tokio::net::TcpListener;

use crate::files::read_regular;

/// The host that Lambda posts to, as `/etc/hosts` of an environment has it.
const HOST: &str = "sandbox.localdomain";

const HOSTS_FILE: &str = "/etc/hosts";

/// Longer ones are not read. Lambda's has a few lines.
const MAX_HOSTS_BYTES: usize = 64 * 1024;

/// Opens the port on the one address of [`HOST`], or on all where that is unknown.
/// `at_home`: Lambda's own API is on a loopback address, as in emulators, where nobody expects the name.
pub(super) async fn bind(port: u16, at_home: bool) -> std::io::Result<TcpListener> {
    let hosts = read_regular(Path::new(HOSTS_FILE), MAX_HOSTS_BYTES).unwrap_or_default();
    let address = address_of(HOST, &String::from_utf8_lossy(&hosts));
    if let Some(address) = address {
        match TcpListener::bind(SocketAddr::new(address, port)).await {
            Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {}
            socket => return socket,
        }
    }
    // Lambda may post from any interface then. The path keeps others out.
    let level = if at_home { log::Level::Info } else { log::Level::Warn };
    log::log!(level, event = "listener_open", host = HOST; "the address that Lambda posts to is unknown or not of this environment; the telemetry port is open on every one");
    bind_all(port).await
}

/// Both families on one socket; IPv4 alone where there is no IPv6.
async fn bind_all(port: u16) -> std::io::Result<TcpListener> {
    match TcpListener::bind(SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)).await {
        Err(error) if error.kind() != ErrorKind::AddrInUse => {
            TcpListener::bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port)).await
        }
        socket => socket,
    }
}

/// The address of a host in the text of a hosts file. Asking a name server instead might leave the environment, and take
/// seconds.
fn address_of(host: &str, hosts: &str) -> Option<IpAddr> {
    hosts.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address = words.next()?.parse().ok()?;
        words.any(|name| name == host).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sandbox_is_found_among_the_hosts() {
        let hosts = "127.0.0.1 localhost\n# 10.0.0.1 sandbox.localdomain\n169.254.100.6\tsandbox sandbox.localdomain # Lambda\n";
        assert_eq!(
            address_of(HOST, hosts),
            Some(IpAddr::V4(Ipv4Addr::new(169, 254, 100, 6)))
        );
        assert_eq!(address_of(HOST, "127.0.0.1 localhost"), None);
        assert_eq!(address_of(HOST, ""), None);
    }

    #[tokio::test]
    async fn where_the_name_is_unknown_both_families_are_answered() {
        let socket = bind_all(0).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok());
        if socket.local_addr().unwrap().is_ipv6() {
            assert!(tokio::net::TcpStream::connect(("::1", port)).await.is_ok());
        }
    }
}
