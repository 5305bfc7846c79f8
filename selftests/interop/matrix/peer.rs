// SPDX-License-Identifier: GPL-2.0-or-later

//! The peer with rustls: what peer.go is for Go's crypto/tls, with the same options.

use std::collections::HashMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rustls::server::AllowAnyAuthenticatedClient;
use rustls::{
    Certificate, ClientConfig, ClientConnection, ConfigBuilder, ConfigSide, PrivateKey,
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
    WantsVerifier,
};

type Result<T> = std::result::Result<T, Box<dyn Error>>;
type Options = HashMap<String, String>;

/// "-name value", and "-mutual" alone
fn options(mut words: impl Iterator<Item = String>) -> Result<Options> {
    let mut found = Options::new();
    while let Some(word) = words.next() {
        let value = match word.as_str() {
            "-mutual" => String::new(),
            _ => words.next().ok_or("an option has no value")?,
        };
        found.insert(word, value);
    }
    Ok(found)
}

fn certificates(path: &str) -> Result<Vec<Certificate>> {
    let found = rustls_pemfile::certs(&mut BufReader::new(File::open(path)?))?;
    Ok(found.into_iter().map(Certificate).collect())
}

fn own_certificate(given: &Options) -> Result<(Vec<Certificate>, PrivateKey)> {
    let path = given.get("-key").ok_or("no private key")?;
    let mut keys = rustls_pemfile::pkcs8_private_keys(&mut BufReader::new(File::open(path)?))?;
    let key = keys.pop().ok_or("no private key in the file")?;
    Ok((certificates(&given["-cert"])?, PrivateKey(key)))
}

fn anchors(given: &Options) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for anchor in certificates(&given["-ca"])? {
        store.add(&anchor)?;
    }
    Ok(store)
}

fn protocols(given: &Options) -> Vec<Vec<u8>> {
    given.get("-alpn").map_or(vec![], |name| vec![name.as_bytes().to_vec()])
}

/// Everything rustls has, of one version.
fn begin<Side: ConfigSide>(
    builder: ConfigBuilder<Side, rustls::WantsCipherSuites>,
    given: &Options,
) -> Result<ConfigBuilder<Side, WantsVerifier>> {
    let version: &'static SupportedProtocolVersion = match given["-version"].as_str() {
        "1.2" => &rustls::version::TLS12,
        _ => &rustls::version::TLS13,
    };
    Ok(builder
        .with_safe_default_cipher_suites()
        .with_safe_default_kx_groups()
        .with_protocol_versions(&[version])?)
}

fn answer(conn: TcpStream, config: Arc<ServerConfig>, page: &[u8]) -> Result<()> {
    let mut tls = StreamOwned::new(ServerConnection::new(config)?, conn);
    let mut request = [0; 4096];
    if tls.read(&mut request)? == 0 {
        return Err("no request".into());
    }
    write!(tls, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", page.len())?;
    tls.write_all(page)?;
    tls.conn.send_close_notify();
    tls.flush()?;
    // Unread bytes would become a reset.
    let _ = tls.read_to_end(&mut Vec::new());
    Ok(())
}

fn serve(address: &str, given: &Options) -> Result<()> {
    let builder = begin(ServerConfig::builder(), given)?;
    let builder = if given.contains_key("-mutual") {
        builder.with_client_cert_verifier(AllowAnyAuthenticatedClient::new(anchors(given)?))
    } else {
        builder.with_no_client_auth()
    };
    let (chain, key) = own_certificate(given)?;
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = protocols(given);
    config.ticketer = rustls::Ticketer::new()?;
    let config = Arc::new(config);
    let page = std::fs::read(&given["-page"])?;
    for conn in TcpListener::bind(address)?.incoming() {
        if let Err(e) = answer(conn?, config.clone(), &page) {
            println!("{e}");
        }
    }
    Ok(())
}

fn ask(address: &str, config: Arc<ClientConfig>) -> Result<()> {
    let conn = ClientConnection::new(config, "server.test".try_into()?)?;
    let mut tls = StreamOwned::new(conn, TcpStream::connect(address)?);
    tls.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
    let mut text = String::new();
    tls.read_to_string(&mut text)?;
    tls.conn.send_close_notify();
    tls.flush()?;
    let chosen = tls.conn.alpn_protocol().unwrap_or_default();
    println!("{text}\nalpn={:?}", String::from_utf8_lossy(chosen));
    Ok(())
}

fn visit(address: &str, given: &Options) -> Result<()> {
    let builder = begin(ClientConfig::builder(), given)?.with_root_certificates(anchors(given)?);
    let mut config = if given.contains_key("-cert") {
        let (chain, key) = own_certificate(given)?;
        builder.with_single_cert(chain, key)?
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = protocols(given);
    let config = Arc::new(config);
    let count = given.get("-count").map_or(Ok(1), |text| text.parse())?;
    for _ in 0..count {
        ask(address, config.clone())?;
    }
    Ok(())
}

fn main() -> Result<()> {
    let mut words = std::env::args().skip(1);
    let role = words.next().ok_or("no role")?;
    let address = words.next().ok_or("no address")?;
    let given = options(words)?;
    match role.as_str() {
        "server" => serve(&address, &given),
        _ => visit(&address, &given),
    }
}
