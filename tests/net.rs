//! Connections and HTTP against servers on loopback that follow a script.
#![allow(clippy::unwrap_used)]

#[path = "support/scripted.rs"]
#[allow(dead_code)]
mod scripted;
#[path = "support/tls.rs"]
mod tls;

use std::time::Duration;

use scripted::{Server, Step, http};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use ttyscope::sources::net::{
    Ask, Endpoint, Headers, HttpClient, NetError, Step as Waiting, TlsOptions,
};

fn client(port: u16) -> HttpClient {
    HttpClient::new(Endpoint::plain("127.0.0.1", port), Headers::new())
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok";

#[tokio::test]
async fn an_answer_has_status_type_and_body() {
    let server = Server::start(vec![vec![http(OK)], vec![http(
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nno \r\n2\r\nno\r\n0\r\n\r\n",
    )]])
    .await;
    let client = client(server.port);
    let found = client.get("/a?b=c").await.unwrap();
    assert_eq!(
        (found.status, found.content_type.as_str(), &found.body[..]),
        (200, "text/plain", &b"ok"[..])
    );
    let missing = client.post("/p", "text/plain", "words").await.unwrap();
    assert_eq!((missing.status, &missing.body[..]), (404, &b"no no"[..]));
    assert!(!missing.is_success());

    let requests = server.requests();
    assert!(
        requests[0].starts_with("GET /a?b=c HTTP/1.1\r\n"),
        "{requests:?}"
    );
    assert!(
        requests[1].contains("content-length: 5") && requests[1].ends_with("words"),
        "{requests:?}"
    );
}

#[tokio::test]
async fn extra_headers_and_cookies_go_on_every_request() {
    let first = "HTTP/1.1 200 OK\r\nSet-Cookie: io=abc; Path=/; HttpOnly\r\nSet-Cookie: b=2\r\nContent-Length: 0\r\n\r\n";
    let server = Server::start(vec![vec![http(first)], vec![http(OK)]]).await;
    let headers =
        Headers::from_pairs([("Authorization", "Bearer x"), ("Cookie", "own=1")]).unwrap();
    let client = HttpClient::new(Endpoint::plain("127.0.0.1", server.port), headers);
    client.get("/").await.unwrap();
    client.clone().get("/").await.unwrap();
    let requests = server.requests();
    assert!(
        requests
            .iter()
            .all(|head| head.contains("authorization: Bearer x\r\n"))
    );
    assert!(requests[0].contains("cookie: own=1\r\n"), "{requests:?}");
    assert!(
        requests[1].contains("cookie: own=1; b=2; io=abc\r\n"),
        "{requests:?}"
    );
}

#[test]
fn a_header_that_cannot_be_sent_is_named_without_its_value() {
    let error = Headers::from_pairs([("X-Token", "s3cret\n")]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("X-Token") && !text.contains("s3cret"),
        "{text}"
    );
}

#[tokio::test]
async fn every_failure_has_its_sentence() {
    let long_head = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(40_000));
    let long_body = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{}",
        "x".repeat(5000)
    );
    let cases: [(Vec<Step>, &str); 6] = [
        (vec![Step::Freeze], "no HTTP answer came in time"),
        (vec![http("")], "closed the connection without an answer"),
        (
            vec![http("SSH-2.0-OpenSSH_9\r\n\r\n")],
            "does not answer in HTTP",
        ),
        (
            vec![http("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")],
            "in the middle of its answer",
        ),
        (
            vec![http(&long_head)],
            "the head of the HTTP answer is over",
        ),
        (
            vec![http(&long_body)],
            "the body of the HTTP answer is over",
        ),
    ];
    for (script, sentence) in cases {
        let is_frozen = matches!(script[0], Step::Freeze);
        let server = Server::start(vec![script]).await;
        let mut client = client(server.port);
        client.body_limit_bytes = 4_096;
        if is_frozen {
            client.time_limit = Duration::from_millis(50);
        }
        let error = client.get("/?token=s3cret").await.unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
        assert!(
            error.starts_with(&format!("127.0.0.1:{}", server.port)),
            "{error}"
        );
        assert!(!error.contains("s3cret"), "{error}");
    }
}

#[tokio::test]
async fn a_port_without_a_listener_refuses() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = client(port).get("/").await.unwrap_err();
    assert!(matches!(error, NetError::Refused { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        format!("127.0.0.1:{port} refused the connection: is the server running there?")
    );
}

#[tokio::test]
async fn a_name_without_an_address_is_said_to_be_unknown() {
    let endpoint = Endpoint::plain("no..such.host", 80);
    let mut client = HttpClient::new(endpoint, Headers::new());
    client.time_limit = Duration::from_secs(60);
    let error = client.get("/").await.unwrap_err();
    assert!(
        matches!(&error, NetError::NameNotFound { host, .. } if host == "no..such.host"),
        "{error:?}"
    );
}

#[tokio::test]
async fn certificates_are_checked_as_asked() {
    let authority = || TlsOptions::PrivateCa(tls::fixture("authority.pem"));
    let cases = [
        ("valid.pem", authority(), "ok"),
        (
            "valid.pem",
            TlsOptions::PublicRoots,
            "nobody trusted signed",
        ),
        ("valid.pem", TlsOptions::NotVerified, "ok"),
        ("expired.pem", TlsOptions::NotVerified, "ok"),
        ("expired.pem", TlsOptions::PublicRoots, "has expired"),
        ("not-yet.pem", TlsOptions::PublicRoots, "not valid yet"),
        (
            "self-signed.pem",
            TlsOptions::PublicRoots,
            "tls_ca = \"ITS-CERTIFICATE.pem\", or set tls_verify = false",
        ),
        (
            "self-signed.pem",
            authority(),
            "certificate is an authority's",
        ),
        ("self-signed.pem", TlsOptions::NotVerified, "ok"),
        ("version-1.pem", authority(), "too old-fashioned"),
        ("version-1.pem", TlsOptions::NotVerified, "ok"),
        ("other-name.pem", authority(), "is for another name"),
        ("other-name.pem", TlsOptions::NotVerified, "ok"),
    ];
    for (certificate, options, expected) in cases {
        let told = told_by(tls::acceptor(certificate, "server.key"), options.clone()).await;
        assert!(told.contains(expected), "{certificate} {options:?}: {told}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_named_itself_is_accepted_and_no_other() {
    let named = |file: &str| TlsOptions::PrivateCa(tls::fixture(file));
    let cases = [
        // Whatever its purpose, its dates and its name are.
        ("self-signed.pem", named("self-signed.pem"), "ok"),
        ("expired.pem", named("expired.pem"), "ok"),
        ("not-yet.pem", named("not-yet.pem"), "ok"),
        ("other-name.pem", named("other-name.pem"), "ok"),
        // Made with the same key all the same.
        (
            "other-name.pem",
            named("valid.pem"),
            "nobody trusted signed",
        ),
        (
            "valid.pem",
            named("self-signed.pem"),
            "nobody trusted signed",
        ),
        ("self-signed.pem", named("expired.pem"), "an authority's"),
    ];
    for (certificate, options, expected) in cases {
        let told = told_by(tls::acceptor(certificate, "server.key"), options.clone()).await;
        assert!(told.contains(expected), "{certificate} {options:?}: {told}");
    }
}

#[tokio::test]
async fn a_named_certificate_without_its_key_is_refused() {
    // Anybody can show a certificate; the signature of the hand-shake shows who it belongs to.
    let options = TlsOptions::PrivateCa(tls::fixture("self-signed.pem"));
    let told = told_by(tls::acceptor("self-signed.pem", "thief.key"), options).await;
    assert!(told.contains("does not have the key"), "{told}");
}

async fn told_by(acceptor: TlsAcceptor, options: TlsOptions) -> String {
    let server = Server::start_with(vec![vec![http(OK)]], Some(acceptor)).await;
    let endpoint = Endpoint::new("127.0.0.1", server.port, Some(options));
    let answer = HttpClient::new(endpoint, Headers::new()).get("/").await;
    answer.map_or_else(|error| error.to_string(), |_| "ok".to_owned())
}

#[tokio::test]
async fn tls_is_not_mistaken_for_something_else() {
    // A server that answers our greeting with plain HTTP, one that closes, one that says nothing.
    let answers = Server::start(vec![vec![Step::Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")]]).await;
    let closes = Server::start(vec![vec![]]).await;
    let silent = Server::start(vec![vec![Step::Freeze]]).await;
    for (port, expected) in [
        (answers.port, "does not speak TLS"),
        (closes.port, "does not speak TLS"),
        (silent.port, "the TLS hand-shake did not finish in time"),
    ] {
        let endpoint = Endpoint::new("127.0.0.1", port, Some(TlsOptions::NotVerified));
        let mut client = HttpClient::new(endpoint, Headers::new());
        if port == silent.port {
            client.time_limit = Duration::from_millis(100);
        }
        let error = client.get("/").await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error:?}");
        if port == silent.port {
            assert!(matches!(
                error,
                NetError::TimedOut {
                    step: Waiting::Tls,
                    ..
                }
            ));
        }
    }
}

#[tokio::test]
async fn an_authority_that_is_no_certificate_is_named() {
    let server = Server::start(vec![vec![]]).await;
    for (file, expected) in [
        ("server.key", "has no certificate in it"),
        ("no-such-file.pem", "cannot be read"),
    ] {
        let options = TlsOptions::PrivateCa(tls::fixture(file));
        let endpoint = Endpoint::new("127.0.0.1", server.port, Some(options));
        let error = HttpClient::new(endpoint, Headers::new())
            .get("/")
            .await
            .unwrap_err();
        let text = error.to_string();
        assert!(text.contains(file) && text.contains(expected), "{text}");
    }
}

#[tokio::test]
async fn a_kept_connection_carries_one_request_after_the_other() {
    let server = Server::start(vec![vec![http(OK), http(OK), http("")]]).await;
    let mut kept = client(server.port).keep().await.unwrap();
    let limit = Duration::from_secs(20);
    for round in 0..2 {
        let mut sent = false;
        let asked = Ask::get("/health");
        let answer = kept.call(asked, limit, || sent = true).await.unwrap();
        assert!(sent && answer.is_success() && kept.is_open(), "{round}");
        assert!(!server.requests()[round].contains("connection: close"));
    }
    let posted = Ask {
        path_and_query: "/p",
        json: Some("{}".into()),
    };
    let mut sent = false;
    let lost = kept.call(posted, limit, || sent = true).await;
    assert!(
        sent && matches!(lost, Err(NetError::NoAnswer { .. })),
        "{lost:?}"
    );
    assert!(server.requests()[2].ends_with("{}"));
    kept.ended().await;
    assert!(!kept.is_open());
}

#[tokio::test]
async fn a_shut_gate_lets_no_byte_out() {
    let server = Server::start(vec![vec![Step::Hold], vec![http(OK)]]).await;
    let client = client(server.port);
    let mut sent = false;
    let refused = client.call_if(Ask::get("/move"), || false, || sent = true);
    assert_eq!(refused.await.unwrap(), None);
    // The server read to the end of the connection.
    server.finished().await;
    assert!(!sent && server.requests().is_empty());

    let answer = client.call_if(Ask::get("/move"), || true, || sent = true);
    assert!(answer.await.unwrap().unwrap().is_success());
    assert!(sent && server.requests()[0].starts_with("GET /move HTTP/1.1\r\n"));

    let mut asked = false;
    let nobody = HttpClient::new(
        Endpoint::plain("127.0.0.1", free_port().await),
        Headers::new(),
    );
    let gate = || {
        asked = true;
        true
    };
    let failed = nobody.call_if(Ask::get("/move"), gate, || ()).await;
    assert!(!asked && matches!(failed, Err(NetError::Refused { .. })));
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}
