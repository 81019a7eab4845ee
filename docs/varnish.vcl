# Varnish before Khabar: holds answers by GET for as long as Khabar says, and lets go of each as soon
# as something that it shows is written. For Varnish 7 with the module xkey (on Debian: varnish and
# varnish-modules). docs/caching.md says how Khabar is told to call it; tests/cdn/varnish.rs runs
# this very file.
vcl 4.1;

import std;
# Without the module, leave out this line and the first case below, and use the kind `varnish-ban`.
import xkey;

backend khabar {
    .host = "127.0.0.1";
    .port = "4000";
}

# Where purges come from: the machines that Khabar runs on.
acl khabar_nodes {
    "127.0.0.1";
    "::1";
}

sub vcl_recv {
    if (req.method == "PURGE" || req.method == "BAN") {
        if (client.ip !~ khabar_nodes) {
            return (synth(403));
        }
        if (req.http.xkey-purge) {
            return (synth(200, "let go of " + xkey.purge(req.http.xkey-purge)));
        }
        if (req.http.ban-everything) {
            if (std.ban("obj.status != 0")) {
                return (synth(200));
            }
        } else if (req.http.ban-xkey) {
            if (std.ban("obj.http.xkey ~ " + req.http.ban-xkey)) {
                return (synth(200));
            }
        }
        # Khabar tries again, and its log says that it has to.
        return (synth(500, "not purged: " + std.ban_error()));
    }

    # Who says who they are, or what they know already, is answered by Khabar itself.
    if (req.http.Authorization || req.http.Khabar-Preview || req.http.Khabar-Position) {
        return (pass);
    }
    # Khabar gives out no cookies; what others gave out would keep everything from being held.
    unset req.http.Cookie;
    # Khabar answers in two media types; else each client's way to ask for them would be held apart.
    if (req.url ~ "^/graphql(\?|$)") {
        if (req.http.Accept ~ "application/graphql-response\+json") {
            set req.http.Accept = "application/graphql-response+json";
        } else if (req.http.Accept ~ "application/(json|\*)|\*/\*") {
            set req.http.Accept = "application/json";
        }
    }
    # As long as Khabar answers, nothing is shown for longer than graphql.cache.stale_while_revalidate past its
    # time. Where it failed, the request is tried again, and takes whatever is held still.
    if (req.restarts == 0) {
        unset req.http.X-Retry;
        set req.grace = 30s;
    } else {
        set req.http.X-Retry = "1";
        set req.grace = 1000w;
    }
}

sub vcl_backend_response {
    if (beresp.status >= 500) {
        # An error never takes the place of what is held.
        if (bereq.is_bgfetch || !(bereq.uncacheable || bereq.http.X-Retry)) {
            return (abandon);
        }
        set beresp.ttl = 0s;
        set beresp.grace = 0s;
        set beresp.uncacheable = true;
        return (deliver);
    }
    # graphql.cache.stale_if_error: how long it is kept to be shown while Khabar fails.
    if (beresp.http.Cache-Control ~ "stale-if-error=[0-9]+") {
        set beresp.grace = std.duration(
            regsub(beresp.http.Cache-Control, "^.*stale-if-error=([0-9]+).*$", "\1s"), 0s);
    }
}

sub vcl_backend_error {
    if (bereq.is_bgfetch || !(bereq.uncacheable || bereq.http.X-Retry)) {
        return (abandon);
    }
}

sub vcl_synth {
    if (resp.status == 503 && req.restarts == 0 && (req.method == "GET" || req.method == "HEAD")) {
        return (restart);
    }
}

sub vcl_deliver {
    # The keys are between Khabar and this cache.
    unset resp.http.xkey;
    if (obj.hits > 0) {
        set resp.http.X-Cache = "hit";
    } else {
        set resp.http.X-Cache = "miss";
    }
}
