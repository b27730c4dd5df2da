/* Listening for a guest, and a guest that serves. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

static wazero_module_config_t *new_config(void)
{
    wazero_module_config_t *config;
    must(wazero_module_config_new(&config));
    return config;
}

/* A connection to a port of this machine, or -1. */
static int connect_to(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, sizeof address) == 0)
        return client;
    close(client);
    return -1;
}

typedef struct {
    uint16_t port;
    char answer[16];
} client_t;

static void *ask(void *argument)
{
    client_t *client = argument;
    int connection = connect_to(client->port);
    if (write(connection, "hello", 5) != 5)
        return NULL;
    size_t got = 0;
    for (ssize_t n; got < 5; got += (size_t)n)
        if ((n = read(connection, client->answer + got, 5 - got)) <= 0)
            break;
    close(connection);
    return NULL;
}

static void serve(wazero_runtime_t *runtime, wazero_wasi_kind_t wasi)
{
    wazero_module_config_t *config = new_config();
    must(wazero_module_config_set_wasi(config, wasi));
    client_t client = {0};
    pthread_t thread;
    must(wazero_module_config_add_tcp_listener(config, "127.0.0.1", 0));
    wazero_module_t *module = new_module(runtime, "sockets", NULL, config);
    wazero_module_config_delete(config);
    CHECK_STR(wazero_module_tcp_address(module, 0, &client.port), "127.0.0.1");
    CHECK(client.port != 0);
    CHECK(!wazero_module_tcp_address(module, 1, NULL));
    for (int i = 0; i < 3; i++) {
        memset(client.answer, 0, sizeof client.answer);
        pthread_create(&thread, NULL, ask, &client);
        CHECK_INT(CALL(module, "serve", 3), 5);
        pthread_join(thread, NULL);
        CHECK_STR(client.answer, "HELLO");
    }
    CHECK_INT(CALL(module, "nonblock", 3), 0);
    CHECK_INT(CALL(module, "accept", 3), -6); /* AGAIN */
    wazero_module_delete(module);
    CHECK_INT(connect_to(client.port), -1);
}

static void check_serving(wazero_runtime_t *runtime)
{
    serve(runtime, WAZERO_WASI_LIBWAZERO);
    serve(runtime, WAZERO_WASI_ENGINE);
}

TEST_ON_BOTH_ENGINES(serving, check_serving)

static void check_timeout(wazero_runtime_t *runtime)
{
    wazero_module_config_t *config = new_config();
    must(wazero_module_config_add_tcp_listener(config, "127.0.0.1", 0));
    wazero_module_config_set_timeout(config, 50000000);
    wazero_module_t *module = new_module(runtime, "sockets", NULL, config);
    wazero_module_config_delete(config);
    CHECK_ERROR(try_call(module, "accept", (const int32_t[]){3}, 1, NULL),
                WAZERO_ERROR_TIMEOUT, "timeout after 0.05 s");
    wazero_module_delete(module);
}

TEST_ON_BOTH_ENGINES(a_timeout_ends_waiting, check_timeout)

TEST(several)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_config_t *config = new_config();
    uint16_t ports[3];
    must(wazero_module_config_add_mount(config, WAZERO_TEST_WASM, "/", true));
    must(wazero_module_config_add_tcp_listener(config, "localhost", 0));
    must(wazero_module_config_add_tcp_listener(config, "[::1]", 0));
    must(wazero_module_config_add_tcp_listener(config, "", 0));
    wazero_module_t *module = new_module(runtime, "sockets", NULL, config);
    wazero_module_config_delete(config);
    CHECK_CONTAINS(wazero_module_tcp_address(module, 0, &ports[0]), "1");
    CHECK_STR(wazero_module_tcp_address(module, 1, &ports[1]), "::1");
    CHECK_STR(wazero_module_tcp_address(module, 2, &ports[2]), "::");
    CHECK(ports[0] != ports[1] && ports[1] != ports[2]);
    int client = connect_to(ports[2]);
    CHECK_INT(CALL(module, "accept", 6), 7); /* behind stdio, the folder, the others */
    close(client);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(none)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_t *module = new_module(runtime, "sockets", NULL, NULL);
    CHECK(!wazero_module_tcp_address(module, 0, NULL));
    CHECK_INT(CALL(module, "accept", 3), -8); /* BADF */
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST(wrong_addresses)
{
    wazero_runtime_t *runtime = new_runtime();
    wazero_module_config_t *config = new_config();
    wasm_t wasm = wasm_fixture("sockets");
    wazero_module_t *module, *other;
    uint16_t port;
    CHECK_ERROR(wazero_module_config_add_tcp_listener(config, NULL, 0),
                WAZERO_ERROR_INVALID, "NULL");
    must(wazero_module_config_add_tcp_listener(config, "127.0.0.1", 0));
    module = new_module(runtime, "sockets", NULL, config);
    wazero_module_tcp_address(module, 0, &port);
    must(wazero_module_config_add_tcp_listener(config, "127.0.0.1", port));
    CHECK_ERROR(
        wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config, &other),
        WAZERO_ERROR_INVALID, "in use");
    wazero_module_config_delete(config);
    config = new_config();
    must(wazero_module_config_add_tcp_listener(config, "300.0.0.1", 0));
    CHECK_ERROR(
        wazero_runtime_instantiate(runtime, wasm.data, wasm.size, NULL, config, &other),
        WAZERO_ERROR_INVALID, "300.0.0.1");
    wazero_module_config_delete(config);
    wazero_module_delete(module);
    wazero_runtime_delete(runtime);
}

TEST_MAIN
