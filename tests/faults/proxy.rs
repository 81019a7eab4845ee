//! A proxy that can delay, stall or refuse traffic, for example between the server and its database.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

/// The simulated state of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Network {
    /// All traffic passes.
    Passes,
    /// All traffic passes after a delay in milliseconds.
    Delays(u64),
    /// Packets are lost: existing and new connections stay open, but no data arrives.
    Stalls,
    /// Existing and new connections are closed.
    Refuses,
}

/// A TCP listener that forwards to the socket of a PostgreSQL cluster or to another TCP address.
pub(crate) struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    target: watch::Sender<Target>,
}

#[derive(Clone)]
enum Target {
    Unix(PathBuf),
    Tcp(SocketAddr),
}

impl Proxy {
    /// Starts a proxy in front of the server of a test database, whose URL gives the folder of the socket
    /// as the parameter `host`. Returns the proxy and the URL of the database through it.
    pub(crate) async fn before(url: &str) -> anyhow::Result<(Self, String)> {
        let proxy = Self::to(socket(url)?).await?;
        let database = url
            .split_once("5432/")
            .and_then(|(_, rest)| rest.split('?').next())
            .context("no database in the address")?;
        let through = format!("postgres://khabar@{}/{database}", proxy.address);
        Ok((proxy, through))
    }

    /// Starts a proxy in front of a TCP address. Returns the proxy and its own address.
    pub(crate) async fn before_tcp(address: SocketAddr) -> anyhow::Result<(Self, SocketAddr)> {
        let proxy = Self::to(Target::Tcp(address)).await?;
        let through = proxy.address;
        Ok((proxy, through))
    }

    /// Changes the state of the network.
    pub(crate) fn set(&self, network: Network) {
        self.network.send_replace(network);
    }

    /// Forwards new connections to another server.
    pub(crate) fn lead_to(&self, url: &str) -> anyhow::Result<()> {
        self.target.send_replace(socket(url)?);
        Ok(())
    }

    async fn to(target: Target) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (network, behaves) = watch::channel(Network::Passes);
        let (target, leads_to) = watch::channel(target);
        tokio::spawn(async move {
            // Ends when the proxy is dropped and the sender of the network state is closed.
            let mut gone = behaves.clone();
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = async { while gone.changed().await.is_ok() {} } => return,
                };
                let Ok((client, _)) = accepted else { return };
                tokio::spawn(carry(client, leads_to.clone(), behaves.clone()));
            }
        });
        Ok(Self {
            address,
            network,
            target,
        })
    }
}

/// Returns the socket named by the URL of a test database.
fn socket(url: &str) -> anyhow::Result<Target> {
    let (_, folder) = url
        .split_once("?host=")
        .context("no socket in the address")?;
    Ok(Target::Unix(PathBuf::from(folder).join(".s.PGSQL.5432")))
}

async fn carry(
    client: TcpStream,
    leads_to: watch::Receiver<Target>,
    mut behaves: watch::Receiver<Network>,
) {
    // New connections wait as well while the network stalls.
    if behaves
        .wait_for(|network| *network != Network::Stalls)
        .await
        .is_err()
        || *behaves.borrow() == Network::Refuses
    {
        return;
    }
    let target = leads_to.borrow().clone();
    let (from_client, to_client) = client.into_split();
    let mut refused = behaves.clone();
    let both = async {
        match target {
            Target::Unix(path) => {
                let Ok(stream) = UnixStream::connect(path).await else {
                    return;
                };
                let (from, to) = stream.into_split();
                tokio::select! {
                    () = pass(from_client, to, behaves.clone()) => {}
                    () = pass(from, to_client, behaves) => {}
                }
            }
            Target::Tcp(address) => {
                let Ok(stream) = TcpStream::connect(address).await else {
                    return;
                };
                let (from, to) = stream.into_split();
                tokio::select! {
                    () = pass(from_client, to, behaves.clone()) => {}
                    () = pass(from, to_client, behaves) => {}
                }
            }
        }
    };
    tokio::select! {
        () = both => {}
        _ = refused.wait_for(|network| *network == Network::Refuses) => {}
    }
}

/// Forwards bytes in one direction, subject to the state of the network.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut behaves: watch::Receiver<Network>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let passes = behaves.wait_for(|network| *network != Network::Stalls);
        let network = match passes.await {
            Ok(network) => *network,
            Err(_) => return,
        };
        if let Network::Delays(milliseconds) = network {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
