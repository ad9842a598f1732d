//! A function for the tests of the Runtime API. Its event, or `FAKE_INIT`, selects what it does. Its start logs
//! `FAKE_LOG`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::{env, io, process, thread};

use serde_json::{Value, json};

fn main() -> io::Result<()> {
    println!("starting");
    if let Ok(line) = env::var("FAKE_LOG") {
        println!("{line}");
    }
    match env::var("FAKE_INIT").as_deref() {
        Ok("error") => {
            let report = json!({"errorType": "PolicyInvalid", "errorMessage": "two problems"});
            call("POST", "init/error", &report.to_string())?;
            eprintln!("giving up");
            process::exit(1);
        }
        Ok("exit") => {
            eprintln!("no report");
            process::exit(3);
        }
        Ok("hang") => sleep_forever(),
        _ => {}
    }
    loop {
        let (headers, event) = call("GET", "invocation/next", "")?;
        invoke(&headers, &event)?;
    }
}

fn invoke(headers: &Headers, event: &str) -> io::Result<()> {
    let request_id = &headers["lambda-runtime-aws-request-id"];
    let parsed: Value = serde_json::from_str(event).unwrap_or_default();
    let respond = |body: &str| call("POST", &format!("invocation/{request_id}/response"), body);
    match parsed["do"].as_str().unwrap_or_default() {
        "print" => {
            let word = parsed["word"].as_str().unwrap_or_default();
            for number in 0..parsed["lines"].as_u64().unwrap_or_default() {
                println!("{word} {number}");
            }
            respond("null")?;
            // Output after the answer belongs to the invocation, too.
            println!("{word} done");
            eprint!("{word} without a line feed");
        }
        "environment" => {
            let variables: Value = env::vars().collect();
            respond(&variables.to_string())?;
        }
        "headers" => drop(respond(&json!(headers).to_string())?),
        "describe" => {
            println!("{}", describe(&parsed)?);
            respond("null")?;
        }
        "error" => {
            let report = json!({"errorType": "Throttled", "errorMessage": "Rate exceeded"});
            let path = format!("invocation/{request_id}/error");
            call("POST", &path, &report.to_string())?;
        }
        "answer text" => drop(respond("not JSON")?),
        "answer twice" => {
            respond("1")?;
            respond("2")?;
        }
        "answer and exit" => {
            respond("\"last words\"")?;
            process::exit(0);
        }
        "exit" => {
            println!("going");
            process::exit(7);
        }
        "hang" => {
            println!("hanging");
            sleep_forever();
        }
        "nothing" => {}
        _ => drop(respond(&json!({"event": event}).to_string())?),
    }
    Ok(())
}

fn sleep_forever() -> ! {
    loop {
        thread::park();
    }
}

/// The headers of a response, by name in lower case.
type Headers = BTreeMap<String, String>;

/// Calls the Runtime API. Returns the headers and body of the response.
fn call(method: &str, path: &str, body: &str) -> io::Result<(Headers, String)> {
    let address = env::var("AWS_LAMBDA_RUNTIME_API").map_err(io::Error::other)?;
    exchange(
        &address,
        &format!("{method} /2018-06-01/runtime/{path} HTTP/1.1"),
        body,
    )
}

/// Returns Secrets Manager's description of the event's secret.
fn describe(event: &Value) -> io::Result<String> {
    let name = &event["detail"]["requestParameters"]["name"];
    let secret_id = event.get("secretId").unwrap_or(name);
    let endpoint = env::var("AWS_ENDPOINT_URL_SECRETS_MANAGER").map_err(io::Error::other)?;
    let region = env::var("AWS_REGION").map_err(io::Error::other)?;
    let head = format!(
        "POST / HTTP/1.1\r\nX-Amz-Target: secretsmanager.DescribeSecret\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=id/day/{region}/secretsmanager/aws4_request"
    );
    let body = json!({"SecretId": secret_id}).to_string();
    let (_, answer) = exchange(endpoint.trim_start_matches("http://"), &head, &body)?;
    Ok(answer)
}

/// Adds the common headers to a request and sends it. Returns the headers and body of the response.
fn exchange(address: &str, head: &str, body: &str) -> io::Result<(Headers, String)> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "{head}\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let headers: Headers = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let mut answer = String::new();
    reader.read_to_string(&mut answer)?;
    Ok((headers, answer))
}
