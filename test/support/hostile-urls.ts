/** Hosts that aren't on the public internet, written in every way a URL parser takes, and in some it doesn't. */
export const privateHosts = words(String.raw`
  127.0.0.1 127.1 127.0.1 127.255.255.254 2130706433 0x7f000001 0x7f.1 0177.0.0.1 017700000001
  127.0.0.1. １２７.0.0.1 127。0。0。1 ①②⑦.⓪.⓪.① %31%32%37.0.0.1
  0 0.0.0.0 0x0 0.1.2.3
  10.0.0.1 10.255.255.255 012.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1
  100.64.0.1 100.100.100.200 100.127.255.255
  169.254.169.254 169.254.169.254. 2852039166 0xa9fea9fe 0251.0376.0251.0376
  168.63.129.16 192.0.0.192 192.0.2.1 192.88.99.1 198.18.0.1 198.19.255.255 198.51.100.1
  203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
  [::] [::1] [0:0:0:0:0:0:0:1] [::0001] [::127.0.0.1] [::7f00:1]
  [::ffff:127.0.0.1] [::ffff:7f00:1] [::FFFF:10.0.0.1] [::ffff:0:127.0.0.1] [::ffff:8.8.8.8]
  [64:ff9b::7f00:1] [64:ff9b::10.0.0.1] [64:ff9b::169.254.169.254] [64:ff9b:1::7f00:1]
  [2002:7f00:1::] [2002:808:808::1] [2001::1] [2001:0:4136:e378:8000:63bf:3fff:fdd2]
  [2001:db8::1] [3fff::1] [100::1] [5f00::1]
  [fc00::1] [fd00:ec2::254] [fe80::1] [fec0::1] [ff02::1]
  [fe80::1%25eth0] [fe80::1%eth0] [::1%25lo]
`)

/** URLs that must not be asked where only `https://api.github.com` and upstream itself may be. */
export const forbiddenUrls = words(String.raw`
  https://localhost/x https://localhost./x https://LOCALHOST/x https://evil.test/x
  https://github.com/x https://evil-api.github.com/x https://xn--pi-6kc.github.com/x
  https://api.github.com./x https://api.github.com.evil.test/x https://api.github.com%2eevil.test/x
  https://api.github.com%00.evil.test/ https://api.github.com。evil.test/ https:///evil.test
  https://user@api.github.com/x https://user:word@api.github.com/x https://:@evil.test/x
  https://api.github.com@evil.test/x https://api.github.com:443@evil.test/x
  https://api.github.com\@evil.test/x https:\\evil.test\x https://evil.test\.github.com
  //evil.test/x ///evil.test/x /\evil.test/x https:evil.test/x HTTPS://evil.test/x
  http://api.github.com/x HTTP://api.github.com/x http://api.github.com:443/x
  https://api.github.com:22/x https://api.github.com:25/x https://api.github.com:5432/x
  https://api.github.com:2113/x https://api.github.com:80/x https://api.github.com:8443/x
  file:///etc/passwd file://api.github.com/etc/passwd ftp://api.github.com/x
  gopher://api.github.com/x data:text/plain,x jar:https://api.github.com/x!/y php://filter/x
  javascript:alert(1) blob:https://repo.packagist.org/x about:blank mailto:a@b.test
  ws://api.github.com/x wss://api.github.com/x view-source:https://api.github.com/
  unix:/var/run/x.sock:/y http://unix:/var/run/x.sock:/y
  http://repo.packagist.org/x https://repo.packagist.org:8443/x https://u@repo.packagist.org/
  https://packages.example.com/dist-proxy/a/b/1/c.zip
`)

/** The host as the parser of URLs reads it, if it does; with brackets for IPv6. */
export function hostsOf(urls: readonly string[]): readonly string[] {
  return urls.filter((url) => URL.canParse(url)).map((url) => new URL(url).host)
}

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}
