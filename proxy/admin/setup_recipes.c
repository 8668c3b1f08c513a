/* See setup_recipes.h. The table, and filling it in; what a line does is in its note, since people run what they copy. */
#include "admin/setup_recipes.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct recipe here[] = {
	{"The machine on which viaduct runs",
		"Makes Firefox and Chromium of this user trust it, and the system's store; what root has to do is printed, for you to "
		"run. --dry-run only says what it would do.",
		"viaduct ca install --dry-run\nviaduct ca install", "viaduct ca uninstall"},
	{"Any other machine",
		"Fetches the certificate through the proxy. Compare its fingerprint with the one that \"viaduct ca show\" prints on the "
		"machine on which viaduct runs; what follows uses this file.",
		"curl -x http://@proxy@ -o viaduct-ca.pem http://viaduct.proxy/ca.pem\n"
		"openssl x509 -in viaduct-ca.pem -noout -fingerprint -sha256",
		NULL},
};

static const struct recipe systems[] = {
	{"Debian, Ubuntu, Alpine", NULL,
		"sudo cp viaduct-ca.pem /usr/local/share/ca-certificates/viaduct-ca.crt\nsudo update-ca-certificates",
		"sudo rm /usr/local/share/ca-certificates/viaduct-ca.crt\nsudo update-ca-certificates --fresh"},
	{"Fedora, RHEL, CentOS", NULL, "sudo cp viaduct-ca.pem /etc/pki/ca-trust/source/anchors/\nsudo update-ca-trust",
		"sudo rm /etc/pki/ca-trust/source/anchors/viaduct-ca.pem\nsudo update-ca-trust"},
	{"Arch", NULL, "sudo trust anchor --store viaduct-ca.pem", "sudo trust anchor --remove viaduct-ca.pem"},
	{"macOS", NULL, "sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain viaduct-ca.pem",
		"sudo security remove-trusted-cert -d viaduct-ca.pem"},
	{"Windows",
		"For one's own account, in cmd or PowerShell; without -user, as administrator, for all accounts. To undo it by hand: "
		"certmgr.msc, Trusted Root Certification Authorities.",
		"curl.exe -x http://@proxy@ -o viaduct-ca.cer http://viaduct.proxy/ca.cer\ncertutil -user -addstore Root viaduct-ca.cer",
		"Get-ChildItem Cert:\\CurrentUser\\Root | Where-Object Subject -like '*viaduct CA*' | Remove-Item"},
};

static const struct recipe browsers[] = {
	{"Firefox",
		"Open http://viaduct.proxy/ca.cer and tick \"Trust this CA to identify websites\"; or Settings, Privacy & Security, "
		"View Certificates, Authorities, Import. To undo it: Delete or Distrust there. On Windows and macOS Firefox takes the "
		"system's roots too.",
		NULL, NULL},
	{"Chromium, Chrome on Linux", "Elsewhere they go by the system's store. certutil is in libnss3-tools or nss-tools.",
		"mkdir -p ~/.pki/nssdb\ncertutil -d sql:$HOME/.pki/nssdb -A -t C,, -n viaduct -i viaduct-ca.pem",
		"certutil -d sql:$HOME/.pki/nssdb -D -n viaduct"},
};

static const struct recipe phones[] = {
	{"iPhone, iPad",
		"1. Settings, Wi-Fi, (i) beside the network, Configure Proxy, Manual: server @host@, port @port@. "
		"2. Safari: open http://viaduct.proxy/ca.mobileconfig and allow the profile. "
		"3. Settings, General, VPN & Device Management: install it. "
		"4. Settings, General, About, Certificate Trust Settings: switch full trust on; without this step nothing is trusted. "
		"To undo it: remove the profile at 3.",
		NULL, NULL},
	{"Android",
		"1. Settings, Network, the Wi-Fi's details, Proxy, Manual: host @host@, port @port@. "
		"2. Open http://viaduct.proxy/ca.cer and save it. "
		"3. Settings, Security, Encryption & credentials, Install a certificate, CA certificate. "
		"To undo it: Trusted credentials, User. Browsers trust it then; an app does only if its network security config says so. "
		"In your own app, for debug builds, res/xml/network_security_config.xml, named in the manifest by "
		"android:networkSecurityConfig:",
		"<network-security-config>\n  <debug-overrides>\n    <trust-anchors>\n      <certificates src=\"system\"/>\n"
		"      <certificates src=\"user\"/>\n    </trust-anchors>\n  </debug-overrides>\n</network-security-config>",
		NULL},
	{"Reaching viaduct from a phone",
		"It has to listen on an address of the network, and to let the phone in (the network here is an example).",
		"viaduct --listen 0.0.0.0:8080 --set access.clients=127.0.0.0/8,192.168.0.0/16", NULL},
};

static const struct recipe adding[] = {
	{"Node, npm, yarn", NULL, "export NODE_EXTRA_CA_CERTS=\"$PWD/viaduct-ca.pem\"", "unset NODE_EXTRA_CA_CERTS"},
	{"Deno", NULL, "export DENO_CERT=\"$PWD/viaduct-ca.pem\"", "unset DENO_CERT"},
	{"Java", "Into the runtime's own store; its password is \"changeit\" unless somebody has.",
		"keytool -importcert -noprompt -cacerts -storepass changeit -alias viaduct -file viaduct-ca.pem",
		"keytool -delete -cacerts -storepass changeit -alias viaduct"},
	{"Java, from the system's roots",
		"Leaves the runtime alone: a store on the side, from Debian's (which has our CA once the system has it).",
		"export JAVA_TOOL_OPTIONS=-Djavax.net.ssl.trustStore=/etc/ssl/certs/java/cacerts", "unset JAVA_TOOL_OPTIONS"},
	{"wget", NULL, "wget --ca-certificate=viaduct-ca.pem https://example.com/", NULL},
};

static const struct recipe bundle[] = {
	{"The bundle, on the machine on which viaduct runs", NULL, "bundle=$(viaduct ca bundle)", NULL},
	{"The bundle, anywhere else", "With the path of Debian, Ubuntu, Alpine and Arch.",
		"cat /etc/ssl/certs/ca-certificates.crt viaduct-ca.pem >viaduct-bundle.pem; bundle=$PWD/viaduct-bundle.pem",
		NULL},
	{"OpenSSL: Python's ssl and httpx, Ruby, Go (Linux), Rust with native roots, Perl",
		"Most of what names no file of its own goes by this one.", "export SSL_CERT_FILE=\"$bundle\"",
		"unset SSL_CERT_FILE"},
	{"curl", NULL, "curl --cacert \"$bundle\" https://example.com/\nexport CURL_CA_BUNDLE=\"$bundle\"",
		"unset CURL_CA_BUNDLE"},
	{"git", NULL, "export GIT_SSL_CAINFO=\"$bundle\"\ngit config --global http.sslCAInfo \"$bundle\"",
		"unset GIT_SSL_CAINFO; git config --global --unset http.sslCAInfo"},
	{"Python requests, pip", "requests ignores SSL_CERT_FILE: certifi's roots are its own.",
		"export REQUESTS_CA_BUNDLE=\"$bundle\" PIP_CERT=\"$bundle\"", "unset REQUESTS_CA_BUNDLE PIP_CERT"},
	{"npm", "Only where NODE_EXTRA_CA_CERTS cannot be set.", "npm config set cafile \"$bundle\"",
		"npm config delete cafile"},
	{"Ruby's bundler", NULL, "export BUNDLE_SSL_CA_CERT=\"$bundle\"", "unset BUNDLE_SSL_CA_CERT"},
	{"PHP, Composer", NULL,
		"php -d openssl.cafile=\"$bundle\" -d curl.cainfo=\"$bundle\" script.php\nexport COMPOSER_CAFILE=\"$bundle\"",
		"unset COMPOSER_CAFILE"},
	{"cargo", "Rust programs with webpki-roots built in trust nothing else.", "export CARGO_HTTP_CAINFO=\"$bundle\"",
		"unset CARGO_HTTP_CAINFO"},
	{"AWS CLI and SDKs, Google Cloud CLI, gRPC", NULL,
		"export AWS_CA_BUNDLE=\"$bundle\" CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE=\"$bundle\" "
		"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH=\"$bundle\"",
		"unset AWS_CA_BUNDLE CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE GRPC_DEFAULT_SSL_ROOTS_FILE_PATH"},
};

static const struct recipe containers[] = {
	{"docker run",
		"Over the image's own roots (path of Debian and Alpine); the proxy's address must be one that the container reaches.",
		"docker run -v \"$bundle\":/etc/ssl/certs/ca-certificates.crt:ro -e https_proxy=http://@proxy@ IMAGE", NULL},
	{"Dockerfile", "For images that are yours to debug; such an image trusts the CA for good, so never publish it.",
		"COPY viaduct-ca.pem /usr/local/share/ca-certificates/viaduct-ca.crt\nRUN update-ca-certificates", NULL},
};

static const struct recipe_group groups[] = {
	{"Get the certificate", NULL, here, COUNT(here)},
	{"Systems", NULL, systems, COUNT(systems)},
	{"Browsers", NULL, browsers, COUNT(browsers)},
	{"Phones", NULL, phones, COUNT(phones)},
	{"Programs: settings that add the CA to the roots that are there", NULL, adding, COUNT(adding)},
	{"Programs: settings that replace the roots",
		"Given our certificate alone, a program would trust nothing else, and fail wherever a tunnel is passed through unopened. "
		"They need the bundle: the system's roots and our CA in one file.",
		bundle, COUNT(bundle)},
	{"Containers", NULL, containers, COUNT(containers)},
};

const struct recipe_group *recipe_groups(size_t *ret_n)
{
	*ret_n = COUNT(groups);
	return groups;
}

/* What a place stands for; false if there is no such place. */
static bool place_value(struct str name, struct str proxy, struct str *ret)
{
	size_t colon = proxy.len;

	while (colon > 0 && proxy.p[colon - 1] != ':')
		colon--;
	if (str_eq(name, STR("proxy")))
		*ret = proxy;
	else if (str_eq(name, STR("host")))
		*ret = str_first(proxy, colon > 0 ? colon - 1 : proxy.len);
	else if (str_eq(name, STR("port")))
		*ret = str_from(proxy, colon > 0 ? colon : proxy.len);
	else
		return false;
	return true;
}

void recipe_put(struct text *t, const char *lines, struct str proxy)
{
	struct str rest = str_of(lines), value;

	while (rest.len > 0) {
		size_t at = str_find(rest, '@');
		struct str behind = str_from(rest, at < rest.len ? at + 1 : at);
		struct str name = str_first(behind, str_find(behind, '@'));

		text_put(t, str_first(rest, at));
		if (at == rest.len)
			return;
		if (name.len < behind.len && place_value(name, proxy, &value)) {
			text_put(t, value);
			rest = str_from(behind, name.len + 1);
		} else {
			text_byte(t, '@');
			rest = behind;
		}
	}
}
