/*
 * The C library of a static program looks hosts and users up by itself where its configuration says "files" and "dns".
 * For any other word in the host's /etc/nsswitch.conf (myhostname, systemd, sss, ...) it would load the host's module, and
 * with it the host's own C library: with an older or newer one than it was built from, the program dies.
 * So a static kbootstrap reads the files and asks DNS, whatever that file says.
 */
#include <nss.h>

__attribute__((constructor)) static void look_up_without_modules(void) {
    __nss_configure_lookup("hosts", "files dns");
    __nss_configure_lookup("networks", "files");
    __nss_configure_lookup("services", "files");
    __nss_configure_lookup("protocols", "files");
    __nss_configure_lookup("passwd", "files");
    __nss_configure_lookup("group", "files");
}
